import sys
from types import ModuleType, SimpleNamespace

import pytest

pytestmark = pytest.mark.ros
detections = pytest.importorskip("pad_ros.nodes.detections", reason="needs the ROS messages")

from pad_ros.msg import AnomalyRegion, AnomalyResult  # noqa: E402
from sensor_msgs.msg import RegionOfInterest  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

REGION = AnomalyRegion(
    kind=AnomalyRegion.ADDED,
    box=RegionOfInterest(x_offset=10, y_offset=20, width=5, height=8),
    peak=3.0,
    area=30,
)
RESULT = AnomalyResult(
    header=Header(frame_id="camera"), part_id="7", view_index=2, regions=[REGION], threshold=1.5, anomalous=True
)


@pytest.fixture
def vision_msgs(monkeypatch):
    """The real messages where they are installed, else stand-ins of their fields."""
    try:
        import vision_msgs.msg
    except ImportError:
        pass
    else:
        return vision_msgs.msg

    def message(name, **defaults):
        def make(**fields):
            assert not set(fields) - set(defaults), (name, fields)
            made = {key: value() if callable(value) else value for key, value in defaults.items()}
            return SimpleNamespace(**{**made, **fields})

        return make

    def centre():
        return SimpleNamespace(position=SimpleNamespace(x=0.0, y=0.0), theta=0.0)

    module = ModuleType("vision_msgs.msg")
    module.Detection2DArray = message("Detection2DArray", header=None, detections=list)
    module.Detection2D = message("Detection2D", header=None, results=list, bbox=None, id="")
    module.BoundingBox2D = message("BoundingBox2D", center=centre, size_x=0.0, size_y=0.0)
    module.ObjectHypothesisWithPose = message("ObjectHypothesisWithPose", hypothesis=None, pose=None)
    module.ObjectHypothesis = message("ObjectHypothesis", class_id="", score=0.0)
    monkeypatch.setitem(sys.modules, "vision_msgs", ModuleType("vision_msgs"))
    monkeypatch.setitem(sys.modules, "vision_msgs.msg", module)
    return module


def test_each_region_is_a_detection(vision_msgs):
    message = detections.detections_message(RESULT)
    assert message.header.frame_id == "camera"
    (detection,) = message.detections
    assert detection.id == "7/2/0" and detection.header == RESULT.header
    assert (detection.bbox.center.position.x, detection.bbox.center.position.y) == (12.5, 24.0)
    assert (detection.bbox.size_x, detection.bbox.size_y) == (5.0, 8.0)
    (result,) = detection.results
    assert (result.hypothesis.class_id, result.hypothesis.score) == ("added", 2.0)


def test_they_are_published_where_the_package_is_installed(vision_msgs, monkeypatch):
    published = []

    def publisher(kind, topic, qos):
        assert (topic, qos) == ("anomaly/detections", "results")
        return SimpleNamespace(publish=published.append)

    node = SimpleNamespace(publisher=publisher)
    detections.detections_publisher(node)(RESULT)
    assert len(published) == 1 and len(published[0].detections) == 1
    monkeypatch.setitem(sys.modules, "vision_msgs.msg", None)
    detections.detections_publisher(node)(RESULT)
    assert len(published) == 1
