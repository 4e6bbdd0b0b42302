import json
from dataclasses import replace

import pytest
from evaluation_stage import write_sample_class

from pad_ros.cli import main
from pad_ros.dataset.classes import read_class
from pad_ros.errors import ConfigError, DatasetError, EvaluationError
from pad_ros.evaluation import jobs as jobs_module
from pad_ros.evaluation import sweep as sweep_module
from pad_ros.evaluation.backends import Backend
from pad_ros.evaluation.jobs import code_digest, data_digest, judge
from pad_ros.evaluation.results_writer import read_results
from pad_ros.evaluation.sweep import check_products, plan, raise_failures, sweep
from pad_ros.images import read_image, write_image
from pad_ros.profiles import load_profile

METHODS = ["paper-no-background", "pad"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, sample_product, product, sample_images):
    """A small class, judged by two methods on this machine: (class's folder, output folder)."""
    folder = tmp_path_factory.mktemp("sweep")
    write_sample_class(folder / "data" / "off_road_car", product, sample_images)
    words = ["evaluate", str(folder / "data"), "-o", str(folder / "out"), "--product", str(sample_product)]
    assert main([*words, "--method", *METHODS]) == 0
    return folder / "data" / "off_road_car", folder / "out"


@pytest.fixture
def no_work(monkeypatch):
    """Makes any job that is done a failure of the test."""
    monkeypatch.setattr(sweep_module, "judge", lambda job, watched: pytest.fail(f"{job.title} is done again"))


def plan_again(finished, sample_product, methods=METHODS):
    root, out = finished
    return plan([read_class(root)], methods, 1, out, sample_product)


def test_results_stand_per_class_method_and_run(finished):
    _, out = finished
    for method in METHODS:
        folder = out / "off_road_car" / method / "run_0"
        assert [row["image"] for row in read_results(folder)] == [
            *("test/added/0.png", "test/added/1.png", "test/good/0.png", "test/good/1.png")
        ]
        scores = json.loads((folder / "scores.json").read_text())["scores"]
        assert (scores["method"], scores["run"], scores["images"]) == (method, 0, 4)
        assert (scores["false_reject_rate"] is None) == (method != "pad")  # only ours has a threshold of its own
        assert 0 < scores["baseline_ms"] < scores["timings"]["total"]
    assert (out / "off_road_car/pad/run_0/report.html").is_file()
    assert not (out / "off_road_car/paper-no-background/run_0/overlays").exists()


def test_tables_json_and_figures_are_written(finished):
    _, out = finished
    rows = json.loads((out / "scores.json").read_text())["classes"]
    assert [(row["name"], row["method"]) for row in rows] == [("off_road_car", method) for method in METHODS]
    text = (out / "scores.md").read_text()
    for title in ("Table 1", "Table 5", "Table 6", "Ours", "Methods side by side"):
        assert f"## {title}: " in text
    assert "Table 2" not in text and "Table 4" not in text  # `paper` was not asked for
    assert read_image(out / "figure_5_pad.png").shape[0] == 24 + 3 * 324 + 24
    assert read_image(out / "figure_3_pad.png").shape[1] == 24 + 5 * 324


def test_what_is_finished_is_not_done_again(finished, sample_product, no_work):
    done, failures = sweep(plan_again(finished, sample_product), load_profile("cpu"), Backend())
    assert [job.method for job, _ in done] == METHODS and not failures
    assert {scores.name for _, scores in done} == {"off_road_car"}


@pytest.mark.parametrize("what", ["image", "truth", "product", "code", "method"])
def test_what_decides_a_result_is_in_its_key(finished, sample_product, what, monkeypatch, tmp_path):
    root, _ = finished
    (job, *_) = plan_again(finished, sample_product)
    assert job.scores() is not None
    if what == "image":
        path = root / "test/good/0.png"
    elif what == "truth":
        path = root / "ground_truth/added/0_mask.png"
    if what in ("image", "truth"):
        before = path.read_bytes()
        image = read_image(path)
        image[0, 0] ^= 1
        write_image(path, image)
        job = replace(job, data=data_digest(read_class(root)))
        path.write_bytes(before)
    elif what == "product":
        (tmp_path / "product.yaml").write_text("another: one\n")
        job = replace(job, product=tmp_path)
    elif what == "code":
        monkeypatch.setattr(jobs_module, "code_digest", lambda: "of other code")
        job = replace(job)
    else:
        job = replace(job, method="paper")
    assert job.scores() is None


def test_the_codes_digest_covers_what_decides_and_not_what_draws(monkeypatch, tmp_path):
    def digest():
        code_digest.cache_clear()
        return code_digest()

    monkeypatch.setattr(jobs_module.pad_ros, "__file__", str(tmp_path / "__init__.py"))
    for name in ("inspector.py", "splatting/csrc/kernels_body.inc", "evaluation/metrics.py", "evaluation/figures.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    try:
        first = digest()
        (tmp_path / "evaluation/figures.py").write_text("2")
        assert digest() == first
        for name in ("inspector.py", "splatting/csrc/kernels_body.inc", "evaluation/metrics.py"):
            (tmp_path / name).write_text("2")
            assert digest() != first
            first = digest()
    finally:
        code_digest.cache_clear()


def test_a_job_that_cannot_be_done_is_told_and_the_others_are_done(finished, sample_product, tmp_path):
    (good, *_) = plan_again(finished, sample_product)
    broken = replace(good, root=tmp_path / "gone", folder=tmp_path / "out")
    told = judge(broken, watched=False)
    assert told.startswith("gone, paper-no-background, run 0: ") and "transforms.json" in told
    assert not (tmp_path / "out" / "scores.json").exists()
    done, failures = sweep([broken, good], load_profile("cpu"), Backend())
    assert [job for job, _ in done] == [good] and failures == [told]
    with pytest.raises(EvaluationError, match="1 of 2 failed; call it again"):
        raise_failures(failures, 2)


def test_products_that_are_not_there_are_trained_with_the_runs_seed(finished, monkeypatch):
    root, out = finished
    calls = []
    monkeypatch.setattr(sweep_module, "train", lambda training, watched: calls.append(training) or "not today")
    jobs = plan([read_class(root)], METHODS, 3, out)
    done, failures = sweep(jobs, load_profile("cpu"), Backend(jobs=1))
    assert [(t.seed, t.folder.relative_to(out).as_posix()) for t in calls] == [
        (run, f"products/off_road_car/run_{run}") for run in range(3)
    ]
    assert not done and failures == ["not today"] * 3


def test_given_products_are_found_by_class_and_run(finished, sample_product, tmp_path):
    root, out = finished
    data = [read_class(root)]
    for run in range(2):
        (tmp_path / "off_road_car" / f"run_{run}").mkdir(parents=True)
        (tmp_path / "off_road_car" / f"run_{run}" / "product.yaml").write_text("")
    found = [job.product for job in plan(data, ["pad"], 2, out, tmp_path)]
    assert found == [tmp_path / "off_road_car" / f"run_{run}" for run in range(2)]
    with pytest.raises(ConfigError, match="no product for run 1 of class off_road_car"):
        plan(data, ["pad"], 2, out, sample_product)


def test_a_product_of_another_profile_or_seed_is_refused(finished, sample_product, product):
    (job, *_) = plan_again(finished, sample_product)
    check_products([job], product.profile)
    for other, profile in ((replace(job, run=1), product.profile), (job, {**product.profile, "calibration": {}})):
        with pytest.raises(ConfigError, match="was trained with another profile or seed"):
            check_products([other], profile)


def test_what_cannot_be_judged_is_refused_before_any_work(finished, sample_product):
    root, out = finished
    with pytest.raises(DatasetError, match="background-free"):  # there are neither such images nor masks
        plan_again(finished, sample_product, ["splatpose-plus"])
    with pytest.raises(ConfigError, match="no method"):
        plan_again(finished, sample_product, ["best"])
    with pytest.raises(ConfigError, match="runs"):
        plan([read_class(root)], METHODS, 0, out)


@pytest.mark.slow
def test_two_workers_of_a_dask_cluster_find_the_same(finished, sample_product, tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("OMP_NUM_THREADS", "1")
        jobs = [replace(job, folder=tmp_path / job.method) for job in plan_again(finished, sample_product)]
        done, failures = sweep(jobs, load_profile("cpu"), Backend("dask", address=cluster.scheduler_address))
    assert not failures
    for job, original in zip(plan_again(finished, sample_product), done, strict=True):
        first, second = job.scores(), original[1]
        assert (first.image_auroc, first.aupro, first.f1_threshold) == (
            second.image_auroc,
            second.aupro,
            second.f1_threshold,
        )
