"""What one call may do to others: a kept connection has served one and now serves another."""

from __future__ import annotations

import asyncio

from pixapi.transport.upstream import Timeouts

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
CALM = Timeouts(connect_s=20, first_byte_s=20, idle_s=20, total_s=60)
WAIT_S = 20


async def test_the_time_out_of_a_call_whose_reply_has_come_ends_nobody_elses(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await asyncio.sleep(0.6)
        await peer.send(OK)
        await peer.until_gone()

    hostile = await serve(handler)
    async with asyncio.timeout(WAIT_S):
        # Its reply is complete, but its caller reads slowly: it is let go late.
        slow = await client.open(hostile.request(), Timeouts(total_s=0.3))
        await asyncio.sleep(0.1)
        assert slow.is_complete
        other = await client.open(hostile.request(), CALM)
        assert len(hostile.peers) == 1
        assert await other.read(100) == b"{}"
        assert await slow.read(100) == b"{}"
        await slow.close()
        await other.close()
