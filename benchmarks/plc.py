"""How long one command to a PLC takes, from `send` until the PLC has taken it: `python benchmarks/plc.py`.

The PLCs are servers of the fieldbus libraries on loopback, in this process, with a cycle of 2 ms.
"""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test" / "conveyor"))

from plc_servers import ModbusServer, OpcUaServer, SerialLine

from pad_ros.conveyor.decision import Decision
from pad_ros.conveyor.plc import create_plc

COMMANDS = 200


def main() -> None:
    """Prints a row per fieldbus."""
    logging.disable(logging.CRITICAL)
    line = SerialLine()
    print("| driver | median ms | 95 % ms | worst ms |\n|---|---:|---:|---:|")
    for name, driver, made in (
        ("modbus, TCP", "modbus", ModbusServer()),
        ("modbus, RTU over a pseudo-terminal", "modbus", ModbusServer(device=line)),
        ("opcua", "opcua", OpcUaServer()),
    ):
        with made as server:
            plc = create_plc({"name": driver, **server.settings})
            times = []
            for number in range(1, COMMANDS + 1):
                begin = time.perf_counter()
                plc.send(Decision(f"part {number}", True, "", 1.0, 1, 0.0, 0.0, number))
                times.append(1000 * (time.perf_counter() - begin))
            plc.close()
            if server.program.sequences != list(range(1, COMMANDS + 1)):
                raise SystemExit(f"{name}: the PLC took {server.program.sequences}")
        print(f"| {name} | {np.median(times):.0f} | {np.quantile(times, 0.95):.0f} | {max(times):.0f} |", flush=True)
    line.close()


if __name__ == "__main__":
    main()
