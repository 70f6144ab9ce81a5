"""Server of the Model Context Protocol."""

from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

server = MCPServer("{{name}}")


@server.tool()
def greet(name: str) -> str:
    """Greets somebody by name."""
    return f"Hello, {name}!"


# The gateway has checked the host and the key. Replicas share nothing, so there are no sessions.
security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
app = server.streamable_http_app(streamable_http_path="/", stateless_http=True, transport_security=security)
