"""A mail server (aiosmtpd) that keeps nothing and tells what it gets, until standard input ends.

    python mail_server.py [USER:PASSWORD]

Says on one line at which port of 127.0.0.1 it listens, and then each mail that it has taken as one line of JSON, as
Python's own parser reads it. With a user it takes mail only from clients that sign in. Some addresses are not like others:

    unknown@…   is refused for good (550)
    later@…     is refused the first time (451)
    lost@…      is taken, but the first time the connection is cut before that is said
"""

import asyncio
import email
import email.policy
import json
import sys
import threading
import os

from aiosmtpd.smtp import SMTP, AuthResult


class Box:
    def __init__(self):
        self.seen = set()

    def first(self, address):
        before = address in self.seen
        self.seen.add(address)
        return not before

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "unknown":
            return "550 5.1.1 nobody here has this address"
        if name == "later" and self.first(address):
            return "451 4.3.0 not now"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        told = {
            "to": envelope.rcpt_tos,
            "from": envelope.mail_from,
            "headers": {name.lower(): str(value) for name, value in message.items()},
            "text": message.get_content(),
            "authenticated": bool(session.authenticated),
        }
        print(json.dumps(told), flush=True)
        address = envelope.rcpt_tos[0]
        if address.startswith("lost@") and self.first(address):
            server.transport.abort()
        return "250 OK"


def authenticator(wanted):
    def check(server, session, envelope, mechanism, data):
        given = [data.login.decode(), data.password.decode()] if mechanism in ("LOGIN", "PLAIN") else None
        return AuthResult(success=given == wanted, handled=False)

    return check


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


async def main(user):
    loop = asyncio.get_running_loop()
    box = Box()
    options = {}
    if user:
        options = dict(authenticator=authenticator(user.split(":", 1)), auth_required=True, auth_require_tls=False)
    server = await loop.create_server(lambda: SMTP(box, loop=loop, **options), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


threading.Thread(target=end_with_parent, daemon=True).start()
asyncio.run(main(*sys.argv[1:2] or [None]))
