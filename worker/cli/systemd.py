"""Notifications of a `Type=notify` service to systemd (sd_notify(3)): one datagram each, to the socket it names."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> None:
    """Sends `READY=1`, `WATCHDOG=1` or the like. Does nothing outside systemd or if it can't be sent."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            # A leading @ stands for the NUL of Linux' abstract namespace.
            sender.sendto(state.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)
        except OSError:
            return
