import asyncio

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute

done = []


async def home(request):
    return JSONResponse({"url": str(request.url_for("numbers")), "done": done}, background=BackgroundTask(done.append, 1))


async def numbers(request):
    async def body():
        for number in range(3):
            await asyncio.sleep(0)
            yield f"{number}\n"

    return StreamingResponse(body(), media_type="text/plain")


async def socket(websocket):
    await websocket.accept(subprotocol="chat" if "chat" in websocket.scope["subprotocols"] else None)
    await websocket.send_json({"path": websocket.url.path})
    await websocket.close(4001, "enough")


app = Starlette(
    routes=[
        Route("/", home),
        Mount("/api", routes=[Route("/numbers", numbers, name="numbers")]),
        WebSocketRoute("/socket", socket),
    ]
)
