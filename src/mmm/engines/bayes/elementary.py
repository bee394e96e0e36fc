"""Exponential and logarithm as plain arithmetic, so that the compiler computes several at once.

Calls of the C library's `exp` and `log` keep a loop from being vectorised, and a Hill curve over all
periods is nothing but these two. Both are within 2 units in the last place of the library's
(tests/engines/bayes/test_elementary.py). They are Cody and Waite's reduction (1980) to |r| <= log(2) / 2
and Taylor's series there; and the series of artanh((m - 1) / (m + 1)) for a number's mantissa m.
"""

from __future__ import annotations

import math
from typing import Any

from numba import njit, types
from numba.extending import intrinsic

#: No re-association: adding and taking away the same large number rounds, and has to stay.
_exact = njit(nogil=True, error_model="numpy", fastmath={"contract"})

#: Added to a number below 2^51, it leaves the nearest integer in the last bits of the sum.
_ROUNDING = 6755399441055744.0
#: log 2 in two parts, of which the first has trailing zeros: n times it is exact.
_LOG2_HIGH, _LOG2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_INVERSE_LOG2 = 1.0 / math.log(2.0)
_LARGEST = 708.0
_MANTISSA_BITS, _EXPONENT_BIAS = 52, 1023
#: Bits of 1 less bits of the root of 1/2: mantissas are taken between the roots of 1/2 and 2.
_TO_ROOT = 0x3FF0000000000000 - 0x3FE6A09E667F3BCD
#: Bits of 2^52: with an integer as mantissa, it is 2^52 and the integer.
_TWO_52_BITS, _TWO_52 = 0x4330000000000000, 4503599627370496.0
_SMALLEST = 2.3e-308


def _type_bits(_typing: Any, _number: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.int64))

    return types.int64(types.float64), generate


def _type_float(_typing: Any, _bits: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float64))

    return types.float64(types.int64), generate


#: The 64 bits of a float as an integer, and the float that has these bits.
_bits: Any = intrinsic(_type_bits)
_from_bits: Any = intrinsic(_type_float)


@_exact
def exp(x: float) -> float:
    """e^x; beyond +-708 that of the bound (never 0, never infinite)."""
    x = min(max(x, -_LARGEST), _LARGEST)
    shifted = x * _INVERSE_LOG2 + _ROUNDING
    n = shifted - _ROUNDING
    r = (x - n * _LOG2_HIGH) - n * _LOG2_LOW
    series = 1.0 / 6227020800.0
    series = series * r + 1.0 / 479001600.0
    series = series * r + 1.0 / 39916800.0
    series = series * r + 1.0 / 3628800.0
    series = series * r + 1.0 / 362880.0
    series = series * r + 1.0 / 40320.0
    series = series * r + 1.0 / 5040.0
    series = series * r + 1.0 / 720.0
    series = series * r + 1.0 / 120.0
    series = series * r + 1.0 / 24.0
    series = series * r + 1.0 / 6.0
    series = series * r + 0.5
    series = series * (r * r) + r + 1.0
    return series * _from_bits((_bits(shifted) + _EXPONENT_BIAS) << _MANTISSA_BITS)


@_exact
def log(x: float) -> float:
    """Natural logarithm of x >= 0; minus infinity below the smallest normal number."""
    bits = _bits(x)
    exponent = (bits + _TO_ROOT) >> _MANTISSA_BITS
    mantissa = _from_bits(bits - ((exponent - _EXPONENT_BIAS) << _MANTISSA_BITS))
    n = _from_bits(exponent | _TWO_52_BITS) - (_TWO_52 + _EXPONENT_BIAS)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    z = s * s
    series = 2.0 / 21.0
    series = series * z + 2.0 / 19.0
    series = series * z + 2.0 / 17.0
    series = series * z + 2.0 / 15.0
    series = series * z + 2.0 / 13.0
    series = series * z + 2.0 / 11.0
    series = series * z + 2.0 / 9.0
    series = series * z + 2.0 / 7.0
    series = series * z + 2.0 / 5.0
    series = series * z + 2.0 / 3.0
    value = (s * z * series + n * _LOG2_LOW) + 2.0 * s + n * _LOG2_HIGH
    if x < _SMALLEST:
        return -math.inf
    return value
