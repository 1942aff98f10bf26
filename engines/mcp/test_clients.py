"""The official Python client, over both transports and in both versions of the protocol."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from jsonschema import Draft202012Validator
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from conftest import HOST_TEST, Listening, Simulator

CURRENT, PREVIOUS = "2026-07-28", "2025-11-25"
CASES = [(transport, mode) for transport in ("stdio", "http") for mode in ("auto", "legacy")]


@asynccontextmanager
async def connected(
    transport: str, mode: Any, simulator: Simulator, listening: Listening
) -> AsyncIterator[Client]:
    if transport == "stdio":
        server = StdioServerParameters(command=HOST_TEST, args=simulator.server())
        async with Client(server, mode=mode) as client:
            yield client
        return
    headers = {"Authorization": f"Bearer {listening.token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(listening.url, http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize(("transport", "mode"), CASES)
async def test_an_agent_creates_once_reads_and_is_told_what_it_got_wrong(
    transport: str, mode: str, simulator: Simulator, listening: Listening
) -> None:
    async with connected(transport, mode, simulator, listening) as client:
        assert client.protocol_version == (CURRENT if mode == "auto" else PREVIOUS)
        assert "data" in (client.instructions or "")
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert "create_incident" in tools and "authorization" not in json.dumps(
            tools["get_incident"].input_schema
        )
        # The client checks each result by the tool's schema.
        key = str(uuid4())
        create = {"request_body": {"short_description": "Printer on fire"}, "correlation_id": key}
        made = [await client.call_tool("create_incident", create) for _ in range(2)]
        assert [result.structured_content["value"]["made"] for result in made] == ["created", "found"]
        number = made[0].structured_content["value"]["number"]
        read = await client.call_tool("get_incident", {"value": number})
        assert read.structured_content["value"]["number"] == number
        for name, arguments in [
            ("find_incidents", {"query": f"correlation_id={key}", "limit": 10}),
            ("read_columns", {}),
            ("authenticate", {}),
        ]:
            result = await client.call_tool(name, arguments)
            assert not result.is_error, result
        refused = await client.call_tool(
            "create_incident", {"request_body": {"state": "6"}, "correlation_id": "b"}
        )
        assert refused.is_error and refused.structured_content["case"] == "create-incident-failure"
        with pytest.raises(MCPError, match="Unknown tool: delete_incident; the tools are"):
            await client.call_tool("delete_incident", {})
        everything = repr((tools, made, read, refused))
        for secret in (simulator.client_secret, simulator.password):
            assert secret not in everything


async def test_every_outcome_is_as_its_schema_says(simulator: Simulator, listening: Listening) -> None:
    # The client checks errors by no schema: this does.
    async with connected("http", "auto", simulator, listening) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        calls: list[tuple[str, dict[str, Any], str]] = [
            (
                "create_incident",
                {"request_body": {"state": "6"}, "correlation_id": "c"},
                "create-incident-failure",
            ),
            ("get_incident", {"value": "INC9999999"}, "incident-not-found"),
            ("get_incident", {"value": "INC1^ORactive=true"}, "invalid-data"),
            ("get_incident", {"value": "x", "kind": "name"}, "invalid-choice"),
            ("update_incident", {"sys_id": "1", "request_body": {"urgency": "1"}}, "invalid-data"),
        ]
        for name, arguments, case in calls:
            result = await client.call_tool(name, arguments)
            assert result.structured_content["case"] == case
            schema = tools[name].output_schema
            assert schema is not None
            Draft202012Validator.check_schema(schema)
            Draft202012Validator(schema).validate(result.structured_content)
