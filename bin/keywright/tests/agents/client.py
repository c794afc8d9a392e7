"""The official client of agents' protocol. Standard input has a job in its first line: how the server is reached, and
steps; each step is answered by one line. A step "pause" is over when standard input has a further line."""

import asyncio
import json
import sys

from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client


def transport(job):
    if "command" in job:
        return stdio_client(StdioServerParameters(command=job["command"], args=job["arguments"], env=job["environment"]))
    headers = {"Authorization": f"Bearer {job['key']}"}
    return streamable_http_client(job["url"], http_client=create_mcp_http_client(headers=headers))


async def take(client, step):
    match step[0]:
        case "list":
            listed = await client.list_tools()
            return [[tool.name, tool.input_schema] for tool in listed.tools]
        case "call":
            told = []

            async def progress(done, total, message):
                told.append([done, total, message])

            result = await client.call_tool(step[1], step[2], progress_callback=progress)
            return {"told": result.structured_content, "is_error": result.is_error, "progress": told}
        case "pause":
            print(json.dumps("paused"), flush=True)
            return await asyncio.to_thread(sys.stdin.readline)


def errors(error):
    if isinstance(error, BaseExceptionGroup):
        return [text for inner in error.exceptions for text in errors(inner)]
    return [f"{type(error).__name__}: {error}"]


async def run(job):
    async with Client(transport(job), mode=job.get("mode", "auto")) as client:
        for step in job["steps"]:
            try:
                answer = await take(client, step)
            except MCPError as error:
                answer = {"refused": str(error)}
            if step[0] != "pause":
                print(json.dumps(answer), flush=True)


try:
    asyncio.run(run(json.loads(sys.stdin.readline())))
except BaseException as error:
    print(json.dumps({"failed": errors(error)}), flush=True)
