"""The limit on BLAS threads holds inside the block and is lifted after it."""

from __future__ import annotations

from threadpoolctl import ThreadpoolController

from cxr_core.blas import one_blas_thread


def n_threads() -> set[int]:
    controller = ThreadpoolController().select(user_api="blas")
    return {library["num_threads"] for library in controller.info()}


def test_the_limit_is_lifted():
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        before = n_threads()
        with one_blas_thread():
            assert n_threads() == {1}
        assert n_threads() == before


def test_an_error_inside_lifts_the_limit_too():
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        before = n_threads()
        try:
            with one_blas_thread():
                raise KeyError("x")
        except KeyError:
            pass
        assert n_threads() == before
