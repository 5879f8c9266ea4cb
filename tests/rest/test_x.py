import asyncio
async def test_loop(): assert 'uvloop' in repr(asyncio.get_running_loop()), type(asyncio.get_running_loop())
