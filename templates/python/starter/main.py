"""Answers `{"hello": name}` with the name in the JSON body, or "world"."""


def handler(event, context):
    name = (event["body"] or {}).get("name", "world")
    context.log.info(f"hello, {name}")
    return {"hello": name}
