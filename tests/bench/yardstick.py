"""The yardstick of the relay: nginx `stream` with TLS on both sides, own configuration and folder, no system
service."""

import shutil
import time
from pathlib import Path

from tests.bench import procs

MODULE = "ngx_stream_module.so"
MODULE_FOLDERS = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules")
CONFIG = """
load_module {module};
daemon off; master_process off; worker_processes 1;
pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
stream {{
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {tls}/cert.pem; ssl_certificate_key {tls}/key.pem; ssl_protocols TLSv1.2 TLSv1.3;
    tcp_nodelay on; proxy_buffer_size {buffer};
    proxy_ssl on; proxy_ssl_verify off; proxy_ssl_protocols TLSv1.2 TLSv1.3;
    proxy_pass 127.0.0.1:{upstream};
  }}
}}
"""


class Nginx:
    """One nginx process between a source and a sink."""

    def __init__(self, folder: Path, tls: Path, port: int, upstream: int, buffer: str) -> None:
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        modules = [Path(base) / MODULE for base in MODULE_FOLDERS if (Path(base) / MODULE).exists()]
        if program is None or not modules:
            raise RuntimeError("nginx with its stream module is not installed (nginx-light, libnginx-mod-stream)")
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "nginx.conf"
        config.write_text(
            CONFIG.format(module=modules[0], folder=folder, tls=tls, port=port, upstream=upstream, buffer=buffer)
        )
        self._log = (folder / "output.log").open("wb")
        self._process = procs.start(
            [program, "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")],
            stdout=self._log, stderr=self._log, cwd=folder,
        )  # fmt: skip
        time.sleep(0.5)
        if self._process.poll() is not None:
            raise RuntimeError("nginx did not start: " + (folder / "output.log").read_text()[-300:])

    @property
    def pid(self) -> int:
        """The process that carries the stream (there is no master)."""
        return self._process.pid

    def stop(self) -> None:
        """End it."""
        procs.stop(self._process)
        self._log.close()
