"""What the evaluation tests share: images, inspections with known defects, and a class on disk."""

import json

import numpy as np

from pad_ros.geometry import look_at
from pad_ros.images import write_image
from pad_ros.results import Background, Inspection, PoseEstimate, Reference, Region, RegionKind, Status

SIZE = 64


def image_of(seed: int = 0, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 200, (size, size, 3)).astype(np.uint8)


def inspection_of(score: float = 2.0, threshold: float = 1.0, size: int = SIZE, pose=None) -> Inspection:
    """A judged image whose map is `score` in a 10 by 8 box at (20, 30) and a tenth of the threshold elsewhere."""
    anomaly_map = np.full((size, size), threshold / 10, np.float32)
    anomaly_map[30:38, 20:30] = score
    mask = np.zeros((size, size), bool)
    mask[10:50, 10:50] = True
    regions = [Region(RegionKind.MISSING, (20, 30, 10, 8), score, 80)] if score > threshold else []
    image = image_of(1, size)
    return Inspection(
        Status.OK,
        score=score,
        threshold=threshold,
        anomalous=score > threshold,
        regions=regions,
        pose=PoseEstimate(np.eye(4) if pose is None else pose, 100, 120, 0.5),
        timings={"localization": 20.0, "render": 1.0, "total": 21.0},
        anomaly_map=anomaly_map,
        reference=Reference(image, mask, (~mask).astype(np.float32)),
        augmented=image,
        background=Background(mask, image),
    )


def failed(status: Status = Status.NOT_LOCALIZED, reason: str = "too few matches") -> Inspection:
    return Inspection(status, reason, timings={"localization": 5.0, "total": 5.0})


def camera_pose(step: float) -> np.ndarray:
    return look_at(np.array([np.cos(step), np.sin(step), 1.0]), np.zeros(3), np.array([0.0, 0.0, 1.0]))


def write_class(root) -> None:
    """Two good and two anomalous test images, each of another part, with masks and true poses."""
    write_image(root / "train/good/0.png", image_of())
    frame = {"file_path": "train/good/0.png", "transform_matrix": np.eye(4).tolist()}
    (root / "transforms.json").write_text(json.dumps({"camera_angle_x": 0.7, "frames": [frame]}))
    truth = np.zeros((SIZE, SIZE), np.uint8)
    truth[30:38, 20:30] = 255
    object_mask = np.zeros((SIZE, SIZE), np.uint8)
    object_mask[10:50, 10:50] = 255
    entries = []
    for index, (defect, number) in enumerate([("good", 0), ("good", 1), ("scratch", 0), ("scratch", 1)]):
        image = image_of(index)
        image[0, 0] = index  # tells the images apart
        write_image(root / f"test/{defect}/{number}.png", image)
        write_image(root / f"test_masks/{defect}/{number}_mask.png", object_mask)
        if defect != "good":
            write_image(root / f"ground_truth/{defect}/{number}_mask.png", truth)
        blender = camera_pose(index) @ np.diag([1.0, -1.0, -1.0, 1.0])
        entries.append(
            {
                "file": f"test/{defect}/{number}.png",
                "part_id": f"part {index}",
                "view_index": 0,
                "view_count": 1,
                "defect": defect,
                "transform_matrix": blender.tolist(),
            }
        )
    (root / "test_poses.json").write_text(json.dumps({"images": entries}))


def write_sample_class(root, product, sample_images) -> None:
    """A class of the sample product: two good images and two of the part that has a part too many, with made-up truth.

    The truth is a box where the image shows the part: no score means anything, but every one can be computed.
    """
    camera = product.camera
    write_image(root / "train/good/0.png", np.full((camera.height, camera.width, 3), 255, np.uint8))
    frame = {"file_path": "train/good/0.png", "transform_matrix": np.eye(4).tolist()}
    intrinsics = {"fl_x": camera.fx, "fl_y": camera.fy, "cx": camera.cx, "cy": camera.cy}
    size = {"w": camera.width, "h": camera.height}
    (root / "transforms.json").write_text(json.dumps({**intrinsics, **size, "frames": [frame]}))
    by_label = {"good": [i for p, _, i in sample_images if p.endswith("_09")]}
    by_label["added"] = [i for p, _, i in sample_images if p.endswith("_11")]
    truth = np.zeros((camera.height, camera.width), np.uint8)
    truth[180:200, 190:210] = 255
    for label, images in by_label.items():
        for number, image in enumerate(images[:2]):
            write_image(root / f"test/{label}/{number}.png", image)
            if label != "good":
                write_image(root / f"ground_truth/{label}/{number}_mask.png", truth)
