"""A vector of three axes as one value: in plain Python a small array, in a compiled kernel one register of the processor.

Numba alone works on one number at a time. With this type a kernel works on the three axes at once, and its source reads like the
formula. The arithmetic is the same to the last bit: no operation is merged with another one, and `total` adds the axes in one
order. Where a vector is expected, a number stands for three times itself.

Numba keeps a compiled kernel until the kernel's own file changes. So `kernel.py` and `quality.py` name the version of this file,
and a test compares.
"""

import operator
from functools import cache
from typing import Any

import numpy as np

AXES = 3


def vector(x: float, y: float, z: float) -> Any:
    """Return a vector."""
    return np.array([x, y, z])


def load(array: Any, at: int, column: int | None = None) -> Any:
    """Return the vector that begins at an index of `array`, or at a row and a column of it."""
    if column is None:
        return array[at : at + AXES].copy()
    return array[at, column : column + AXES].copy()


def store(value: Any, array: Any, at: int, column: int | None = None) -> None:
    """Write a vector where `load` reads it."""
    if column is None:
        array[at : at + AXES] = value
    else:
        array[at, column : column + AXES] = value


def total(value: Any) -> Any:
    """Return the sum of the three axes, from the first to the last."""
    return value[0] + value[1] + value[2]


def larger(a: Any, b: Any) -> Any:
    """Return on each axis the larger one of two numbers."""
    return np.where(a > b, a, b)


def if_above(a: Any, b: Any, then: Any, otherwise: Any) -> Any:
    """Return, axis by axis, one number where `a` is above `b` and another one elsewhere."""
    return np.where(a > b, then, otherwise)


def if_equal(a: Any, b: Any, then: Any, otherwise: Any) -> Any:
    """Return, axis by axis, one number where `a` equals `b` and another one elsewhere."""
    return np.where(a == b, then, otherwise)


@cache
def teach_numba() -> None:
    """Make numba compile these functions, `+`, `-`, `*`, `/` and `[]` of vectors, to instructions on three numbers at once."""
    from llvmlite import ir
    from numba.core import cgutils
    from numba.core.types import Any as AnyType
    from numba.core.types import Array, Float, Integer, Type, VarArg, float64, none
    from numba.extending import lower_builtin, models, register_model, type_callable

    class Vector(Type):
        """The type of a vector."""

    kind, register, number = Vector("Vector"), ir.VectorType(ir.DoubleType(), AXES), ir.IntType(32)

    @register_model(Vector)
    class VectorModel(models.PrimitiveModel):
        def __init__(self, manager: Any, of: Any) -> None:
            super().__init__(manager, of, register)

    def spread(builder: Any, signature: Any, values: Any) -> list[Any]:
        """Return the arguments as vectors."""
        none_yet, first, thrice = register(ir.Undefined), number(0), ir.VectorType(number, AXES)([0] * AXES)
        return [
            v
            if t == kind
            else builder.shuffle_vector(builder.insert_element(none_yet, v, first), none_yet, thrice)
            for v, t in zip(values, signature.args, strict=True)
        ]

    def pointer(context: Any, builder: Any, array_type: Any, array: Any, *where: Any) -> Any:
        array = context.make_array(array_type)(context, builder, array)
        return builder.bitcast(
            cgutils.get_item_pointer(context, builder, array_type, array, where), register.as_pointer()
        )

    def make(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        made = register(ir.Undefined)
        for k, value in enumerate(values):
            made = builder.insert_element(made, value, number(k))
        return made

    def read(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load(pointer(context, builder, signature.args[0], *values), align=8)

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        value, *place = values
        builder.store(value, pointer(context, builder, signature.args[1], *place), align=8)
        return context.get_dummy_value()

    def add_axes(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        x, y, z = (builder.extract_element(values[0], number(k)) for k in range(AXES))
        return builder.fadd(builder.fadd(x, y), z)

    def one_axis(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.extract_element(values[0], builder.trunc(values[1], number))

    def choose_larger(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        a, b = spread(builder, signature, values)
        return builder.select(builder.fcmp_ordered(">", a, b), a, b)

    def choose(sign: str) -> Any:
        def chosen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            a, b, then, otherwise = spread(builder, signature, values)
            return builder.select(builder.fcmp_ordered(sign, a, b), then, otherwise)

        return chosen

    def arithmetic(instruction: str) -> Any:
        def result(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return getattr(builder, instruction)(*spread(builder, signature, values))

        return result

    type_callable(vector)(lambda context: lambda x, y, z: kind)
    lower_builtin(vector, Float, Float, Float)(make)
    type_callable(load)(lambda context: lambda array, at, column=None: kind)
    lower_builtin(load, Array, Integer)(read)
    lower_builtin(load, Array, Integer, Integer)(read)
    type_callable(store)(lambda context: lambda value, array, at, column=None: none)
    lower_builtin(store, Vector, Array, Integer)(write)
    lower_builtin(store, Vector, Array, Integer, Integer)(write)
    type_callable(total)(lambda context: lambda value: float64)
    lower_builtin(total, Vector)(add_axes)
    type_callable(operator.getitem)(lambda context: lambda value, k: float64 if value == kind else None)
    lower_builtin(operator.getitem, Vector, Integer)(one_axis)
    type_callable(larger)(lambda context: lambda a, b: kind)
    lower_builtin(larger, VarArg(AnyType))(choose_larger)
    for choice, sign in ((if_above, ">"), (if_equal, "==")):
        type_callable(choice)(lambda context: lambda a, b, then, otherwise: kind)
        lower_builtin(choice, VarArg(AnyType))(choose(sign))
    instructions = {
        operator.add: "fadd",
        operator.sub: "fsub",
        operator.mul: "fmul",
        operator.truediv: "fdiv",
    }
    for function, instruction in instructions.items():
        type_callable(function)(
            lambda context: lambda a, b: kind if kind in (a, b) and {a, b} <= {kind, float64} else None
        )
        for types in ((Vector, Vector), (Float, Vector), (Vector, Float)):
            lower_builtin(function, *types)(arithmetic(instruction))
