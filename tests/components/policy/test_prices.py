from components.agent.ppo import PpoSettings
from components.fine_tuning.config import FineTuningConfig
from components.meta_training.config import MetaTrainingConfig
from components.policy.prices import KILL_PRICE_PER_H, PROPOSAL_KILL_PRICE_PER_H, VIOLATION_PRICE
from components.validation.config import ValidationConfig


def test_the_policy_and_its_opponents_pay_one_price_for_violations_and_kills() -> None:
    search, gate = FineTuningConfig(), ValidationConfig()
    assert search.violation_penalty == gate.violation_penalty == VIOLATION_PRICE
    assert search.oom_penalty == gate.oom_penalty == KILL_PRICE_PER_H
    learning = MetaTrainingConfig().oom_penalty
    assert learning == PpoSettings().oom_penalty == PROPOSAL_KILL_PRICE_PER_H
