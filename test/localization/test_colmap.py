import signal
import subprocess
import sys

import numpy as np
import textured_box

from pad_ros.localization.colmap import colmap_camera, colmap_pose, object_from_camera
from pad_ros.localization.pnp import project


def test_pose_round_trip_and_projection_agree_with_colmap():
    pose = textured_box.view_pose(30, 20, roll=40)
    assert np.allclose(object_from_camera(colmap_pose(pose)), pose)
    point = np.array([[0.2, -0.1, 0.3]])
    in_camera = colmap_pose(pose) * point
    expected = colmap_camera(textured_box.CAMERA).img_from_cam(in_camera)
    assert np.allclose(project(textured_box.CAMERA, pose, point)[0], expected)


def test_import_is_quiet_and_sigterm_prints_no_stack_trace():
    code = "import pad_ros.localization.colmap, time; print('ready', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert (out, err) == ("", "")


def test_import_keeps_the_handlers_of_the_process():
    code = (
        "import signal, os\n"
        "signal.signal(signal.SIGTERM, lambda *a: print('mine', flush=True))\n"
        "import pad_ros.localization.colmap\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "mine\n", "")
