"""Every kind of work does what it is called."""

import base64


def test_every_kind_gives_a_unit_that_can_be_repeated():
    from work import KINDS

    for kind, unit_of in KINDS.items():
        unit = unit_of()
        assert unit() == unit(), kind


def test_primes_below_a_hundred_thousand_are_counted():
    from work import KINDS

    assert KINDS["primes"]()() == 9592


def test_sorting_sorts_and_base64_and_json_return_what_went_in():
    from work import KINDS

    scores = KINDS["sort"]()()
    assert scores == sorted(scores, reverse=True)
    assert KINDS["base64"]()() == bytes(range(256)) * 680
    assert KINDS["json"]()()[7]["name"] == "item 7"


def test_hash_is_pbkdf2():
    from work import KINDS

    expected = "d1444948058ecc2ff93c7388984c82a8dd5ebc7fb397c1e518b356499b53d305"
    assert base64.b16encode(KINDS["hash"]()()).decode().lower() == expected
