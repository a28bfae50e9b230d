"""Settings: JSON from the environment or a file; one line for what is wrong."""

import json

import pytest


def test_defaults_hold_without_any_settings():
    from settings import settings_from_environment

    assert settings_from_environment({}).concurrency == 16


def test_settings_come_as_json_or_as_the_path_of_a_file(tmp_path):
    from settings import Segment, settings_from_environment

    text = json.dumps({"name": "a", "segments": [{"kind": "wait", "mean_ms": 5}]})
    (tmp_path / "settings.json").write_text(text)
    direct = settings_from_environment({"APP_SETTINGS": text})
    assert direct.segments == (Segment("wait", mean_ms=5),)
    assert settings_from_environment({"APP_SETTINGS": str(tmp_path / "settings.json")}) == direct


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{", "settings:"),
        ("[]", "settings:"),
        ('{"colour": 1}', "colour"),
        ('{"segments": [{"kind": "dance"}]}', "dance"),
        ('{"segments": [{"kind": "hash", "units": -1}]}', "negative"),
        ('{"segments": []}', "1 to 3"),
        ('{"work_factor": 0}', "work_factor"),
        ('{"concurrency": 0}', "concurrency"),
        ('{"memory_release_per_s": 2}', "memory_release_per_s"),
    ],
)
def test_wrong_settings_are_explained_in_one_line(text, part):
    from settings import SettingsError, settings_from_json

    with pytest.raises(SettingsError, match=part) as caught:
        settings_from_json(text)
    assert "\n" not in str(caught.value)
