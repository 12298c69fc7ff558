"""A server made with `fastmcp` 4.x that wants a login.

The environment says where: MCP_PORT, and over which transport: TRANSPORT, `http` or `sse`. With ISSUER it trusts
that authorization server, whose tokens have to have the scopes SCOPES; without, it is its own authorization
server, which agrees to everything, and whose access tokens last TTL seconds. The tool `demand` adds a scope.
"""

import os
import sys

sys.dont_write_bytecode = True

import fastmcp.server.auth.providers.in_memory as in_memory
from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider, TokenVerifier
from fastmcp.server.auth.providers.jwt import JWTVerifier
from mcp.server.auth.settings import ClientRegistrationOptions, RevocationOptions
from pydantic import AnyHttpUrl


class AnyScope(TokenVerifier):
    """Leaves the scopes to the server, which then says which ones are missing."""

    def __init__(self, verifier, scopes):
        super().__init__(required_scopes=scopes)
        self.verifier = verifier

    async def verify_token(self, token):
        return await self.verifier.verify_token(token)


port = int(os.environ["MCP_PORT"])
here = f"http://localhost:{port}"
transport = os.environ.get("TRANSPORT", "http")
path = {"http": "/mcp", "sse": "/sse"}[transport]
if issuer := os.environ.get("ISSUER"):
    verifier = JWTVerifier(
        jwks_uri=f"{issuer}/jwks",
        issuer=issuer,
        audience=f"{here}{path}",
    )
    auth = RemoteAuthProvider(
        token_verifier=AnyScope(verifier, os.environ.get("SCOPES", "mcp").split()),
        authorization_servers=[AnyHttpUrl(issuer)],
        base_url=here,
    )
else:
    in_memory.DEFAULT_ACCESS_TOKEN_EXPIRY_SECONDS = int(os.environ.get("TTL", "600"))
    auth = in_memory.InMemoryOAuthProvider(
        base_url=here,
        client_registration_options=ClientRegistrationOptions(
            enabled=True, valid_scopes=["mcp", "mcp:write"], default_scopes=["mcp"]
        ),
        revocation_options=RevocationOptions(enabled=True),
        required_scopes=["mcp"],
    )

made = FastMCP("guarded", auth=auth)


@made.tool
def echo(text: str) -> str:
    return text


@made.tool
def demand(scope: str) -> str:
    # The list that the guard of the server looks at.
    auth.required_scopes.append(scope)
    return scope


made.run(transport=transport, host="127.0.0.1", port=port, path=path, show_banner=False)
