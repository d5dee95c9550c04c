from mimiclab.maths.apportion import apportion


def test_apportion_by_hand():
    assert apportion(10, [1, 1, 6]) == [2, 2, 6]  # 1 each, 0.875 0.875 5.25 of 7, two are left
    assert apportion(3, [1, 1, 100]) == [1, 1, 1]
    assert apportion(100, [0.5, 0.5]) == [50, 50]
