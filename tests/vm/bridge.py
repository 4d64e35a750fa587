"""``python tests/vm/bridge.py TRANSPORT``: the kernel's radio, `/dev/vhci`, is on the air at that HCI transport."""

import asyncio
import sys

from bumble.transport import open_transport


async def bridge(air: str) -> None:
    """Carry HCI packets both ways until one end goes."""
    async with await open_transport("vhci") as kernel, await open_transport(air) as radio:
        kernel.source.set_packet_sink(radio.sink)
        radio.source.set_packet_sink(kernel.sink)
        await radio.source.terminated


if __name__ == "__main__":
    asyncio.run(bridge(sys.argv[1]))
