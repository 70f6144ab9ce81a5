import os

from aiohttp import web


async def hello(request):
    return web.json_response({"hello": request.match_info["name"]})


app = web.Application()
app.add_routes([web.get("/hello/{name}", hello)])
web.run_app(app, port=int(os.environ["PORT"]), print=None)
