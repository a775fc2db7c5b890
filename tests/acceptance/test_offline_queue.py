from pathlib import Path

import pytest

from tests.acceptance.offline_queue import offline_queue


@pytest.mark.slow
def test_500_messages_three_days_old(tmp_path: Path) -> None:
    result = offline_queue(tmp_path, messages=500, stations=20, seed=1)
    print(result)
    assert result.messages == 500
    assert result.live_messages >= 20
