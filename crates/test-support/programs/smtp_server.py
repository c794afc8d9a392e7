"""A mail server that keeps what it is sent: writes one line of JSON for where it listens and one for each mail.

Addresses that begin with "refused" are refused for good, those that begin with "busy" for now.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys
from pathlib import Path

import trustme
from aiosmtpd.smtp import SMTP, AuthResult


def tell(**what):
    print(json.dumps(what), flush=True)


class Keeper:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("busy"):
            return "450 4.2.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        tell(
            mail={
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "subject": mail["subject"],
                "headers": {name.lower(): str(value) for name, value in mail.items()},
                "text": mail.get_content(),
                "is_secure": session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None,
            }
        )
        return "250 OK"


def context(directory):
    """A certificate for this machine, under an authority of its own that is written to `directory`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(Path(directory) / "ca.pem"))
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(own)
    return own


async def main(port, tls, login, directory):
    def is_right(server, session, envelope, mechanism, data):
        given = [data.login.decode(), data.password.decode()]
        return AuthResult(success=given == login, handled=False)

    secured = context(directory) if tls != "none" else None
    options = {"authenticator": is_right, "auth_required": True} if login else {}
    if tls == "starttls":
        options |= {"tls_context": secured, "require_starttls": True}
    else:
        options |= {"auth_require_tls": False}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Keeper(), hostname="localhost", loop=loop, enable_SMTPUTF8=True, **options),
        "127.0.0.1",
        port,
        ssl=secured if tls == "implicit" else None,
    )
    tell(listens=server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main(**json.loads(sys.argv[1])))
