"""How fast learning is on one core, beside Stable-Baselines3's PPO on the same services.

python -m tests.benchmarks.training_speed [--quick]; the last line is JSON.
steps_per_s_core: decisions of 60 s a CPU-second in meta-training, with its updates, on synthetic
applications; sb3_steps_per_s_core: of Stable-Baselines3's PPO, its updates included, over the same
simulator's Gymnasium environment with as many services at once. Both in this run, one thread.
workloads_per_minute: rules adapted in a minute of one core, from telemetry to rule, and of that
search alone; minutes_to_tuned: CPU-minutes of the search until the adapted rules' mean score over
a hidden final set passes the tuned HPA + VPA's (null: it never did). The search takes the whole
set forward together, so that time is for all of its workloads.
"""

import argparse
import json
import os
import time
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
import torch
from stable_baselines3 import PPO

from components.agent.encoder import Encoder, workload_shape
from components.agent.initialisation import generator_of
from components.agent.meta_learner import LearningSettings, MetaLearner
from components.agent.populations import drawn, synthetic_population
from components.cluster.environment import ServiceVectorEnv
from components.policy.rule_parameters import default_rule, to_unit
from components.validation.config import ValidationConfig
from components.validation.incumbents import tune_incumbents
from tests.baselines.learners import StableBaselinesBatch
from tests.benchmarks.control import FULL, QUICK, Plan
from tests.hidden_workloads.learning import fine_tune
from tests.hidden_workloads.real_rates import real_rates
from tests.hidden_workloads.rebuilt import hidden_hpa_vpa, hidden_rule
from tests.hidden_workloads.world import HiddenWorld, draw_hidden_world

ITERATIONS_TRIED = (1, 2, 4, 8, 16, 24)


def meta_training_speed(workloads: int, stretches: int) -> float:
    """Decisions a CPU-second of simulation and PPO updates together."""
    rng = np.random.default_rng(1)
    encoder = Encoder(workload_shape(), generator_of(0))
    population = synthetic_population(encoder, workloads, rng)
    settings = LearningSettings()
    learner = MetaLearner(to_unit(default_rule()), population.contexts.shape[1], settings, 0)
    learner.learn(drawn(population, 8, rng), 1.0, rng)
    started = time.process_time()
    for _ in range(stretches):
        learner.learn(population, 1.0, rng)
    decisions = stretches * workloads * settings.terms * settings.term_decisions
    return decisions / (time.process_time() - started)


def stable_baselines_speed(environments: int, decisions: int) -> float:
    """Decisions a CPU-second of Stable-Baselines3's PPO with a minibatch for every quarter."""
    environment = StableBaselinesBatch(ServiceVectorEnv(environments), 1)
    steps = 48
    model = PPO(
        "MlpPolicy", environment, n_steps=steps, batch_size=environments * steps // 4, n_epochs=4,
        gamma=0.9, gae_lambda=0.9, seed=1, device="cpu",
    )  # fmt: skip
    model.learn(environments * steps)
    started, done = time.process_time(), model.num_timesteps
    model.learn(decisions, reset_num_timesteps=False)
    return (model.num_timesteps - done) / (time.process_time() - started)


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
    for iterations in ITERATIONS_TRIED:
        found = fine_tune(world.cases, start, replace(plan.search, iterations=iterations))
        rolled = hidden_rule(world.spread(found.rule), *world.course, world.usual)
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
    ours = meta_training_speed(512, 3 if quick else 20)
    print(f"meta-training: {ours:,.0f} decisions a CPU-second")
    theirs = stable_baselines_speed(512, 512 * 48 * (1 if quick else 8))
    print(f"Stable-Baselines3's PPO: {theirs:,.0f} decisions a CPU-second")
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
    found = {
        "steps_per_s_core": round(ours),
        "sb3_steps_per_s_core": round(theirs),
        "minutes_to_tuned": None if minutes is None else round(minutes, 3),
        "workloads_per_minute": round(60.0 / each_s, 1),
        "workloads_per_minute_search": round(60.0 / search_s, 1),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
