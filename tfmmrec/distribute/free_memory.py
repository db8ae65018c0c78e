"""The memory that this process can still take."""

from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
# Of a container with control groups of version 2.
_CGROUP = Path("/sys/fs/cgroup")


def free_memory(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int:
    """Returns the free memory of the machine, or of its container if it has less, in bytes.

    Pages of files that the kernel can drop count as free. The memory of a GPU is not counted: on a
    machine for training it is usually less than the host's, and its size is in no public interface
    of TensorFlow.

    Args:
        meminfo: /proc/meminfo.
        cgroup: the folder of the control group.
    """
    lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
        statistics = dict(
            line.split() for line in (cgroup / "memory.stat").read_text().splitlines()
        )
    except (OSError, ValueError):
        return free
    if limit == "max":
        return free
    files = int(statistics.get("inactive_file", 0)) + int(statistics.get("active_file", 0))
    return max(0, min(free, int(limit) - used + files))
