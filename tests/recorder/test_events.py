"""Events are kept in their order; the page shows the incidents of the recorded time."""

from tests.recorder.events import Event, incidents_page, note, read_events, written
from tests.recorder.schedule import Allocation


def test_events_are_read_back_in_their_order(tmp_path):
    note(tmp_path, "starve", "shop/cart", "1 x 50m, 53Mi")
    note(tmp_path, "OOMKilled", "shop/cart", "cart-a-b (exit code 137)")
    events = read_events(tmp_path)
    assert [event.kind for event in events] == ["starve", "OOMKilled"]
    assert events[0].workload == "shop/cart"
    assert events[0].time_s <= events[1].time_s


def test_a_folder_without_a_log_has_no_events(tmp_path):
    assert read_events(tmp_path) == []


def test_an_allocation_reads_as_in_kubernetes():
    assert written(Allocation(2, 150, 64 << 20)) == "2 x 150m, 64Mi"


def test_the_page_lists_incidents_within_the_time_and_no_plain_changes():
    midnight_s = 86_400.0
    events = [
        Event(midnight_s - 1, "starve", "shop/cart", "too early"),
        Event(midnight_s + 61, "squeeze", "shop/cart", "1 x 64m, 45Mi"),
        Event(midnight_s + 70, "explore", "shop/cart", "a plain change"),
        Event(midnight_s + 101, "starve", "shop/feed", "too late"),
    ]
    page = incidents_page(events, midnight_s, midnight_s + 100)
    assert "| 00:01:01 | shop/cart | squeeze | 1 x 64m, 45Mi |" in page
    assert "1970-01-02" in page
    assert not any(text in page for text in ("too early", "too late", "a plain change"))
