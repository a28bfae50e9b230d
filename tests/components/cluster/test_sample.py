from components.cluster import sample
from components.workload import telemetry


def test_a_step_of_the_simulator_is_a_step_of_telemetry() -> None:
    assert sample.STEP_S == telemetry.STEP_S
