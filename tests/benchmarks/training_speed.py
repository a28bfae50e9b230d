"""How fast learning is on one core, beside Stable-Baselines3's PPO on the same services.

python -m tests.benchmarks.training_speed [--quick]; the last line is JSON.
steps_per_s_core: decisions of 60 s a CPU-second in meta-training, its updates included, on
synthetic applications; sb3_steps_per_s_core: of Stable-Baselines3's PPO, its updates included, over
the same simulator's Gymnasium environment, with networks of the same size (two tanh layers of 64
for each of actor and critic), four epochs and four minibatches. Both in this run, one thread, taken
in turns, each with the number of services at once that suits it best. The two don't learn the same
thing: a rule that meta-training proposes decides for 24 minutes by itself, a policy of bounded
steps is asked each minute. direct_steps_per_s_core is our own PPO on those bounded steps, the like
for like.
workloads_per_minute: rules adapted in a minute of one core, from telemetry to rule, and of that
search alone; minutes_to_tuned: CPU-minutes of the search until the adapted rules' mean score over
a hidden final set passes the tuned HPA + VPA's (null: it never did). The search takes the whole
set forward together, so that time is for all of its workloads.

At a load of 3 to 7 on two cores: meta-training 575,000 (2,048 at once; 470,000 at 512),
Stable-Baselines3 105,000 (2,048; 98,000 at 512): 5.5 times as fast where 10 were the aim. Our PPO
on bounded steps does 89,000, so like for like ours is no faster. Compiling the generator of rates
sped up both. One iteration of the search, .5 CPU-s for 16 workloads, passed the tuned rule (.864 to
.800); how far the default rule is by itself is not shown.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
import torch
from stable_baselines3 import PPO

from components.agent.encoder import Encoder, workload_shape
from components.agent.initialisation import generator_of
from components.agent.meta_learner import LearningSettings, MetaLearner
from components.agent.populations import synthetic_population
from components.cluster.environment import ServiceVectorEnv
from components.cluster.observation import OBSERVATION_COUNT
from components.policy.rule_parameters import default_rule, to_unit
from components.policy.watched import watched
from components.validation.config import ValidationConfig
from components.validation.incumbents import tune_incumbents
from tests.baselines.direct_training import (
    STRETCH,
    TRAINING,
    drawn_workloads,
    learn_stretch,
)
from tests.baselines.learners import StableBaselinesBatch
from tests.baselines.stacked_policies import StackedPolicies
from tests.baselines.stacked_ppo import StackedPpo
from tests.benchmarks.control import FULL, QUICK, Plan
from tests.hidden_workloads.learning import fine_tune
from tests.hidden_workloads.real_rates import real_rates
from tests.hidden_workloads.rebuilt import hidden_hpa_vpa, hidden_rule
from tests.hidden_workloads.world import HiddenWorld, draw_hidden_world

ITERATIONS_TRIED = (1, 2, 4, 8, 16, 24)
SIZES = (128, 256, 512, 1024, 2048)
OURS, THEIRS = "meta-training", "Stable-Baselines3's PPO"
DIRECT = "our PPO on bounded steps"


Run = Callable[[], int]


def meta_training(workloads: int) -> Run:
    """A stretch and an update of meta-training; how many decisions that were."""
    rng = np.random.default_rng(1)
    encoder = Encoder(workload_shape(), generator_of(0))
    population = synthetic_population(encoder, workloads, rng)
    settings = LearningSettings()
    learner = MetaLearner(to_unit(default_rule()), population.contexts.shape[1], settings, 0)

    def run() -> int:
        learner.learn(population, 1.0, rng)
        return workloads * settings.terms * settings.term_decisions

    return run


def stable_baselines(environments: int) -> Run:
    """The same of Stable-Baselines3's PPO with a minibatch for every quarter."""
    environment = StableBaselinesBatch(ServiceVectorEnv(environments), 1)
    model = PPO(
        "MlpPolicy", environment, n_steps=STRETCH, batch_size=environments * STRETCH // 4,
        n_epochs=4, gamma=0.9, gae_lambda=0.9, seed=1, device="cpu",
    )  # fmt: skip

    def run() -> int:
        before = model.num_timesteps
        model.learn(environments * STRETCH, reset_num_timesteps=before == 0)
        return int(model.num_timesteps - before)

    return run


def direct_training(workloads: int) -> Run:
    """The same of our own PPO on bounded steps, on applications drawn anew."""
    policies = StackedPolicies(1, OBSERVATION_COUNT, generator_of(0))
    learner, rng = StackedPpo(policies, TRAINING, 0), np.random.default_rng(1)

    def run() -> int:
        learn_stretch(learner, *drawn_workloads(workloads, rng), rng, 1.0)
        return workloads * STRETCH

    return run


def speeds(runs: dict[tuple[str, int], Run], repeats: int) -> dict[tuple[str, int], float]:
    """Decisions a CPU-second, the best of so many runs in turns; one run before isn't counted."""
    best = dict.fromkeys(runs, 0.0)
    for repeat in range(repeats + 1):
        for key, run in runs.items():
            started = time.process_time()
            done = run()
            if repeat:
                best[key] = max(best[key], done / (time.process_time() - started))
    return best


def score_of_tuned(world: HiddenWorld, plan: Plan) -> float:
    """The tuned HPA + VPA's reward less its priced violations, on the fresh traces."""
    config = ValidationConfig(decisions=plan.search.decisions, tuning_traces=plan.tuning_traces)
    tuned = tune_incumbents(world.cases, config)
    vpa = tuned.hpa_vpa
    rolled = hidden_hpa_vpa(
        *world.course,
        world.spread(vpa.allocation),
        world.spread(vpa.target),
        world.spread(vpa.margin),
        world.spread(tuned.memory_history),
        minimum_bytes=vpa.minimum_bytes,
    )
    price = plan.search.violation_penalty
    return float((rolled.metric("reward") - price * rolled.metric("violation")).mean())


def minutes_to_tuned(world: HiddenWorld, plan: Plan, goal: float) -> float | None:
    """CPU-minutes of the shortest search, from the default rule, that passes `goal`."""
    start = np.tile(to_unit(default_rule()), (len(world.cases), 1))
    price = plan.search.violation_penalty
    past = world.spread(watched([case.measured for case in world.cases]))
    for iterations in ITERATIONS_TRIED:
        found = fine_tune(world.cases, start, replace(plan.search, iterations=iterations))
        rolled = hidden_rule(world.spread(found.rule), *world.course, world.usual, past=past)
        score = float((rolled.metric("reward") - price * rolled.metric("violation")).mean())
        print(f"{iterations:3d} iterations, {found.cpu_seconds:6.1f} CPU-s: {score:.4f}")
        if score > goal:
            return found.cpu_seconds / 60.0
    return None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    plan = QUICK if quick else FULL
    makers = {OURS: meta_training, THEIRS: stable_baselines, DIRECT: direct_training}
    sizes = (64,) if quick else SIZES
    runs = {(name, size): make(size) for name, make in makers.items() for size in sizes}
    found = speeds(runs, 1 if quick else 6)
    for name in makers:
        cells = ", ".join(f"{size}: {found[name, size]:,.0f}" for size in sizes)
        print(f"{name}, decisions a CPU-second by services at once: {cells}", flush=True)
    best = {name: max(found[name, size] for size in sizes) for name in makers}
    started = time.process_time()
    world = draw_hidden_world(300, plan.world, real_rates())
    fitting = time.process_time() - started
    goal = score_of_tuned(world, plan)
    print(f"tuned HPA + VPA, to be passed: {goal:.4f}")
    minutes = minutes_to_tuned(world, plan, goal)
    start = np.tile(to_unit(default_rule()), (len(world.cases), 1))
    spent = fine_tune(world.cases, start, plan.search).cpu_seconds
    each_s, search_s = (fitting + spent) / len(world.cases), spent / len(world.cases)
    print(f"a workload: {each_s:.2f} CPU-s, of which search {search_s:.2f}")
    keys = {
        "steps_per_s_core": round(best[OURS]),
        "sb3_steps_per_s_core": round(best[THEIRS]),
        "direct_steps_per_s_core": round(best[DIRECT]),
        "minutes_to_tuned": None if minutes is None else round(minutes, 3),
        "workloads_per_minute": round(60.0 / each_s, 1),
        "workloads_per_minute_search": round(60.0 / search_s, 1),
    }
    print(json.dumps(keys))


if __name__ == "__main__":
    main()
