from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, WebSocket
from pydantic import BaseModel

ready = {}


@asynccontextmanager
async def lifespan(app: FastAPI):
    ready["started"] = True
    yield
    ready.clear()


app = FastAPI(title="Shop", lifespan=lifespan)


class Item(BaseModel):
    name: str
    price: float


@app.get("/items/{item_id}")
async def read_item(item_id: int):
    if item_id > 10:
        raise HTTPException(404, "no such item")
    return {"id": item_id, **ready}


@app.post("/items", status_code=201)
def create_item(item: Item):
    return item


@app.websocket("/ws")
async def talk(socket: WebSocket):
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(f"you said {text}")
