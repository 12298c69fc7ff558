"""The authorization server of the example `simple-auth` of the Python SDK, with what the example leaves out:
refresh tokens with rotation, their revocation, and the scopes that are asked for.

The environment says how long access tokens last: TTL seconds. The command line is that of the example.
"""

import os
import secrets
import sys
import time

sys.dont_write_bytecode = True

from mcp.server.auth.provider import RefreshToken
from mcp.server.auth.settings import ClientRegistrationOptions, RevocationOptions
from mcp_simple_auth import auth_server

SECONDS = int(os.environ.get("TTL", "600"))
SCOPES = ["user", "user:write"]


class Provider(auth_server.SimpleAuthProvider):
    def __init__(self, *args):
        super().__init__(*args)
        self.refresh_tokens = {}

    async def authorize(self, client, params):
        url = await super().authorize(client, params)
        self.state_mapping[params.state]["scopes"] = params.scopes
        return url

    async def handle_simple_callback(self, username, password, state):
        scopes = self.state_mapping[state]["scopes"] or SCOPES[:1]
        url = await super().handle_simple_callback(username, password, state)
        next(reversed(self.auth_codes.values())).scopes = scopes
        return url

    async def exchange_authorization_code(self, client, code):
        return self.refreshable(client, await super().exchange_authorization_code(client, code))

    async def load_refresh_token(self, client, refresh_token):
        return self.refresh_tokens.get(refresh_token, (None, None))[0]

    async def exchange_refresh_token(self, client, refresh_token, scopes):
        _, access = self.refresh_tokens.pop(refresh_token.token)
        before = self.tokens.pop(access.access_token)
        access = access.model_copy(update={"access_token": f"mcp_{secrets.token_hex(32)}"})
        self.tokens[access.access_token] = before.model_copy(update={"token": access.access_token})
        return self.refreshable(client, access)

    def refreshable(self, client, access):
        stored = self.tokens[access.access_token]
        stored.expires_at = int(time.time()) + SECONDS
        token = f"refresh_{secrets.token_hex(32)}"
        update = {"expires_in": SECONDS, "refresh_token": token}
        access = access.model_copy(update=update)
        refresh = RefreshToken(token=token, client_id=client.client_id, scopes=stored.scopes)
        self.refresh_tokens[token] = (refresh, access)
        return access

    async def revoke_token(self, token):
        _, access = self.refresh_tokens.pop(token.token, (None, None))
        self.tokens.pop(access.access_token if access else token.token, None)


settings = auth_server.AuthSettings


def with_all(**given):
    given["client_registration_options"] = ClientRegistrationOptions(
        enabled=True, valid_scopes=SCOPES, default_scopes=SCOPES[:1]
    )
    return settings(**given, revocation_options=RevocationOptions(enabled=True))


auth_server.SimpleAuthProvider = Provider
auth_server.AuthSettings = with_all
auth_server.main()
