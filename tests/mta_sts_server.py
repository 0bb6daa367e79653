"""One web server for the MTA-STS policies of many domains (RFC 8461 3.3), at port 443: it wants root."""
import http.server
import ssl
import threading


class PolicyServer:
    """`names`: the policy hosts, all in its certificate. policy_of(domain) gives (mode, mx patterns)."""

    def __init__(self, address, authority, names, policy_of):
        pem, key = authority.issue("policies", dns=names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem, key)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                mode, hosts = policy_of(self.headers["Host"].removeprefix("mta-sts."))
                body = f"version: STSv1\r\nmode: {mode}\r\n" + "".join(f"mx: {host}\r\n" for host in hosts)
                body = (body + "max_age: 86400\r\n").encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((address, 443), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def records_of(domain, address):
    """(name, record) that say that the domain has a policy, and where."""
    return [(f"_mta-sts.{domain}", 'TXT "v=STSv1; id=1;"'), (f"mta-sts.{domain}", f"A {address}")]
