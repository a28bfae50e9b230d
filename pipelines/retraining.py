"""Has the world changed? Then what changed is adapted, proved and rolled out again."""

from kfp import dsl

from components.drift_check.component import drift_check, move_reference
from components.ingestion.component import share_out
from components.rollout.component import end_turn, run_summary, take_turn
from pipelines.sharded import adapted, embedded, ingested
from pipelines.stage_settings import settle


def _imported(uri: str) -> dsl.Artifact:
    """Return an earlier run's output as an artifact of this one."""
    return dsl.importer(artifact_uri=uri, artifact_class=dsl.Artifact, reimport=False).output


@dsl.pipeline(
    name="retraining",
    description="Check recent telemetry for drift; adapt, prove and roll out what drifted.",
)
def retraining(
    reference: str,
    earlier_embedding: str,
    meta_policy: str,
    earlier_validation: str,
    telemetry: str = "",
    prometheus_url: str = "",
    workloads: str = "",
    start: str = "",
    end: str = "",
    days: float = 1.0,
    journal: str = "",
    store_url: str = "",
    dry_run: bool = True,
    calibrations: str = "",
    lock_s: int = 3600,
    lock_owner: str = "",
    cool_down_s: int = 21600,
    retrainings_a_week: int = 4,
    retrainings_in_all: int = 200,
    seed: int = 0,
    quick: bool = False,
    shard_size: int = 25,
) -> None:
    """Wire the stages.

    Args:
        reference: URI of the dataset that the policy in force was learned from.
        earlier_embedding: URI of that run's embedding.
        meta_policy: URI of that run's meta-policy.
        earlier_validation: URI of that run's validation.
        telemetry: folder of recent telemetry; or leave it empty and give prometheus_url.
        prometheus_url: the Prometheus to read instead.
        workloads: path of the workloads' YAML; empty for the one in the telemetry folder. On a
            cluster /etc/aware/workloads.yaml is that key of the ConfigMap aware-workloads.
        start: first time to read from Prometheus, RFC 3339; empty for `days` before the end.
        end: last time to read from Prometheus, RFC 3339; empty for now.
        days: how long to look back where start is empty.
        journal: a folder on a volume or minio://bucket/prefix that keeps what the Prometheus said:
            a scheduled run asks for what is new only. Empty to ask for everything each time.
        store_url: where bundles are published: a folder or minio://bucket/prefix.
        dry_run: publish nothing there; bundles and channels stay in rollout's own output.
        calibrations: a folder or minio://bucket/prefix where the drift check keeps what it has
            learned of long references; empty for in that store, unless it is a dry run.
        lock_s: seconds from its beginning in which no other run retrains on that store, unless it
            ends before; more than a run takes. 0 for neither this lock nor the limits below.
        lock_owner: name under which the run's starter holds that lock; empty for the run's own.
        cool_down_s: seconds that a workload rests after a retraining; twice that after the next.
        retrainings_a_week: retrainings of one workload in a week, at most.
        retrainings_in_all: retrainings of all workloads together in a week, at most.
        seed: the same seed and input give the same result.
        quick: small sizes, to see that everything works.
        shard_size: how many workloads a pod takes at most; a stage has as many pods as it takes.
    """
    source = {"telemetry": telemetry, "prometheus_url": prometheus_url, "workloads": workloads}
    learning = {"seed": seed, "quick": quick}
    store = {"store_url": store_url, "dry_run": dry_run}
    span = {"start": start, "end": end, "days": days, "journal": journal}
    recent = ingested(source, span, shard_size).outputs["output"]
    reference_dataset = _imported(reference)
    known_embedding = _imported(earlier_embedding)
    known_policy = _imported(meta_policy)

    checked = drift_check(
        reference=reference_dataset,
        recent=recent,
        embedding=known_embedding,
        validation=_imported(earlier_validation),
        calibrations=calibrations,
        **store,
    )
    settle(checked, "drift_check", cached=False)

    whose = {"run": dsl.PIPELINE_JOB_ID_PLACEHOLDER, "owner": lock_owner, "lock_s": lock_s}
    turn = take_turn(
        drifted=checked.outputs["drifted"],
        **whose,
        **store,
        cool_down_s=cool_down_s,
        retrainings_a_week=retrainings_a_week,
        retrainings_in_all=retrainings_in_all,
    )
    settle(turn, "take_turn", cached=False)

    # The count is named "Output": kfp.local 2.17 takes a condition on any other name for False.
    with dsl.If(turn.outputs["Output"] > 0, name="drifted"):
        admitted = turn.outputs["admitted"]
        planned = share_out(keys=admitted, shard_size=shard_size)
        settle(planned, "share_out")
        known = embedded(
            recent, learning, planned.output, shard_size, earlier=known_embedding, only=admitted
        )
        embedding = known.outputs["output"]
        each = adapted(
            {"dataset": recent, "embedding": embedding, "meta_policy": known_policy},
            learning,
            store,
            known.outputs["Output"],
            in_force=checked.outputs["output"],
        )
        moved = move_reference(
            dataset=recent,
            embedding=embedding,
            rollout=each.rolled_out.outputs["output"],
            drift=checked.outputs["output"],
            **store,
        )
        settle(moved, "move_reference", cached=False)
        ended = run_summary(
            dataset=recent,
            embedding=embedding,
            validation=each.validated.outputs["output"],
            rollout=each.rolled_out.outputs["output"],
            drift=checked.outputs["output"],
            turn=turn.outputs["output"],
        )
        settle(ended, "run_summary")
        over = end_turn(rollout=each.rolled_out.outputs["output"], **whose, **store)
        settle(over, "end_turn", cached=False)
    with dsl.Else(name="steady"):
        nothing_done = run_summary(
            dataset=recent, drift=checked.outputs["output"], turn=turn.outputs["output"]
        )
        settle(nothing_done, "run_summary")
