"""Client of the package mcp: of 2026-07-28 in the mode "auto", of 2025-11-25 in the mode "legacy"."""

import asyncio
import json
import os
import sys

from mcp import Client, MCPError, StdioServerParameters


async def main(mode, url, *command):
    server = StdioServerParameters(command=command[0], args=list(command[1:]), env=dict(os.environ)) if url == "stdio" else url
    async with Client(server, mode=mode) as client:
        progress = []

        async def on_progress(value, _total, message):
            progress.append([value, message])

        tools = [tool.name for tool in (await client.list_tools()).tools]
        steps = await client.call_tool("steps", {}, progress_callback=on_progress)
        added = await client.call_tool("add", {"a": 1, "b": 2})
        invalid = await client.call_tool("add", {"a": "1", "b": 2})
        failed = await client.call_tool("fail", {})
        job = await client.call_tool("job", {"a": 3, "b": 4})
        try:
            await client.call_tool("nothing", {})
            unknown = None
        except MCPError as error:
            unknown = error.error.code
        result = {
            "version": client.protocol_version,
            "tools": tools,
            "progress": progress,
            "steps": steps.content[0].text,
            "sum": added.structured_content,
            "invalid": [invalid.is_error, invalid.content[0].text],
            "failed": [failed.is_error, failed.content[0].text],
            "job": job.structured_content,
            "unknown": unknown,
        }
        print(json.dumps(result), end="")


asyncio.run(main(*sys.argv[1:]))
