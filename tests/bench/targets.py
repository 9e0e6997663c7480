"""The promised figures. Source: the table of targets of Farhand's design ("Targets, and what they are measured
against").

A key is `measurement.figure`; peers are what the best packages reached on 2 cores in earlier trials, quoted for
orientation.
"""

from typing import NamedTuple


class Target(NamedTuple):
    """A figure to reach, and on which side of it is good."""

    value: float
    at_most: bool = True
    peer: str = ""

    def met(self, measured: float) -> bool:
        """Say whether a measured figure reaches it."""
        return measured <= self.value if self.at_most else measured >= self.value

    def text(self, unit: str) -> str:
        """The target for people."""
        sign = "<=" if self.at_most else ">="
        return f"{sign} {self.value:,g} {unit}"


NGINX = "nginx stream 2.7 in earlier trials"

TARGETS: dict[str, Target] = {
    "files.down": Target(100, at_most=False, peer="MeshCentral 14.7"),
    "files.up": Target(100, at_most=False, peer="MeshCentral 42"),
    "files.down_far": Target(100, at_most=False),
    "files.up_far": Target(100, at_most=False),
    "relay.cpu_64k": Target(3.0, peer=NGINX),
    "relay.cpu_16k": Target(4.0, peer=NGINX),
    "relay.cpu_64k_tap": Target(4.0),
    "relay.cpu_16k_tap": Target(4.0),
    "relay.core_64k": Target(300, at_most=False, peer="Node ws 161"),
    "messages.rate": Target(80_000, at_most=False, peer="Node ws 127k"),
    "messages.cpu": Target(12, peer="MeshCentral 4.4"),
    "shell.alone_p50": Target(1),
    "shell.alone_p99": Target(10),
    "shell.same_p50": Target(5, peer="Node ws 5.3"),
    "shell.same_p99": Target(15, peer="Node ws 34"),
    "shell.other_p50": Target(5, peer="Node ws 5.3"),
    "shell.other_p99": Target(15, peer="Node ws 34"),
    "shell.agent_p50": Target(1.5, peer="MeshCentral 1.6"),
    "links.rss": Target(45, peer="Node ws 35"),
    "agent.rss": Target(45, peer="MeshCentral 11"),
    "agent.cpu_shared": Target(0.5, peer="MeshCentral 36"),
    "screen.key_p50": Target(8, peer="noVNC + TigerVNC 13.4"),
    "screen.key_p95": Target(16, peer="noVNC + TigerVNC 18.3"),
    "screen.key_video_p95": Target(40),
    "screen.scroll_fps": Target(30, at_most=False, peer="noVNC 9"),
    "screen.scroll_kbs": Target(200, peer="noVNC 341"),
    "replay.seek_p50": Target(500),
    "replay.seek_p95": Target(1000),
    "screen.page_fps": Target(30, at_most=False, peer="noVNC 11.5"),
    "screen.page_p95": Target(60, peer="noVNC 138"),
    "screen.page_kbs": Target(700, peer="noVNC 3,229"),
    "screen.video_fps": Target(30, at_most=False, peer="noVNC 30"),
    "screen.video_p95": Target(40),
    "screen.video_kbs": Target(160, peer="noVNC 1,541"),
    "screen.slow_video_fps": Target(20, at_most=False, peer="noVNC 4.7"),
    "screen.slow_video_p50": Target(80, peer="noVNC 422"),
    "screen.slow_page_fps": Target(12, at_most=False, peer="noVNC 0.7"),
    "screen.slow_page_p50": Target(150),
    "screen.exact_page": Target(0),
    "screen.exact_video": Target(0),
    "screen.exact_slow_video": Target(0),
    "screen.exact_slow_page": Target(0),
    "screen.idle_bytes": Target(0),
    "console.bytes": Target(300, peer="MeshCentral 5,900"),
    "console.requests": Target(15, peer="MeshCentral 103"),
    "queues.event_p95": Target(100),
    "queues.task_cpu": Target(50),
}
"""`agent.cpu_shared` stands for the design's "0 %": half a per cent of a core is 0.1 s of CPU in 20 s."""
