"""Memory is touched for real, kept for the next request, and released by and by."""

import os
from pathlib import Path

MIB = 1 << 20


def resident_bytes():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_touched_memory_is_resident_and_closing_gives_it_back():
    from memory import touched

    before = resident_bytes()
    block = touched(32 * MIB)
    assert resident_bytes() - before > 28 * MIB
    block.close()
    assert resident_bytes() - before < 8 * MIB


def test_no_bytes_are_no_block():
    from memory import touched

    assert touched(0) is None


def test_an_idle_block_serves_the_next_request():
    from memory import RequestMemory

    pool = RequestMemory(MIB, 0.5)
    block = pool.take()
    pool.give_back(block)
    assert pool.take() is block
    assert pool.take() is not block


def test_half_of_the_idle_blocks_goes_in_a_second_at_a_release_of_a_half():
    from memory import RequestMemory

    pool = RequestMemory(4096, 0.5)
    blocks = [pool.take() for _ in range(8)]
    for block in blocks:
        pool.give_back(block)
    pool.release(1.0)
    assert [block.closed for block in blocks].count(True) == 4
    pool.release(1.0)
    assert [block.closed for block in blocks].count(True) == 6


def test_a_slow_release_adds_up_to_whole_blocks():
    from memory import RequestMemory

    pool = RequestMemory(4096, 0.1)
    block = pool.take()
    pool.give_back(block)
    for _ in range(9):
        pool.release(1.0)
    assert not block.closed
    pool.release(1.5)
    assert block.closed


def test_a_cache_holds_what_was_asked_for_until_newer_entries_push_it_out():
    from memory import Cache

    cache = Cache(4096, 2)
    assert [cache.look_up(key) for key in (1, 2, 1)] == [False, False, True]
    assert cache.look_up(3) is False
    assert cache.look_up(1) is False
    assert cache.look_up(3) is True
