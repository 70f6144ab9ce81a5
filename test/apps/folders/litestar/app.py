from dataclasses import dataclass

from litestar import Litestar, get, post


@dataclass
class Note:
    text: str


@get("/notes/{note_id:int}")
async def read_note(note_id: int) -> dict[str, int]:
    return {"id": note_id}


@post("/notes")
async def add_note(data: Note) -> Note:
    return data


app = Litestar([read_note, add_note])
