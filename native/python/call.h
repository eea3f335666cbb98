// The arrays that Python passes to a call, checked and put where the engine looks for them.
#pragma once

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "python/arrays.h"
#include "recurrence/engine.h"

namespace gatewise {

template <class T>
void set_input(Sequence<T>& call, const PackedLayer<T>& layer, const Array& x) {
  if (x.ndim() != 3 || static_cast<Index>(x.shape(2)) != layer.inputs) {
    refuse("x", x, "(B, T, " + std::to_string(layer.inputs) + ")");
  }
  want_type<T>("x", x);
  call.batch = static_cast<Index>(x.shape(0));
  call.steps = static_cast<Index>(x.shape(1));
  call.x = elements<T>(x);
  call.x_batch = x.stride(0);
  call.x_time = x.stride(1);
}

template <class T>
void set_mask(Sequence<T>& call, const Array& mask) {
  if (mask.ndim() != 2 || static_cast<Index>(mask.shape(0)) != call.batch ||
      static_cast<Index>(mask.shape(1)) != call.steps) {
    refuse("mask", mask, "(" + std::to_string(call.batch) + ", " + std::to_string(call.steps) + ")");
  }
  if (mask.dtype() != nb::dtype<bool>()) throw nb::type_error("mask is not of type bool");
  call.mask = elements<std::uint8_t>(mask);
  call.mask_batch = mask.stride(0);
  call.mask_time = mask.stride(1);
}

template <class T>
void set_states(Sequence<T>& call, const PackedLayer<T>& layer, nb::handle states,
                std::array<std::optional<Array>, kMaxStates>& held) {
  if (!PyTuple_Check(states.ptr()) || PyTuple_Size(states.ptr()) != layer.states) {
    throw std::invalid_argument("states must be None or a tuple of " + std::to_string(layer.states) + " array(s)");
  }
  for (int i = 0; i < layer.states; ++i) {
    auto& state = held[static_cast<std::size_t>(i)];
    state = nb::cast<Array>(nb::handle(PyTuple_GetItem(states.ptr(), i)));
    if (state->ndim() != 2 || static_cast<Index>(state->shape(0)) != call.batch ||
        static_cast<Index>(state->shape(1)) != layer.units) {
      refuse("state " + std::to_string(i), *state,
             "(" + std::to_string(call.batch) + ", " + std::to_string(layer.units) + ")");
    }
    want_type<T>("a state", *state);
    call.initial[i] = elements<T>(*state);
    call.initial_batch[i] = state->stride(0);
    call.initial_unit[i] = state->stride(1);
  }
}

// The kernels read the elements of one input one after the other; any other order is copied first.
template <class T>
void make_contiguous(Sequence<T>& call, Index inputs, Index stride, std::vector<T>& copy) {
  copy.reserve(static_cast<std::size_t>(call.batch * call.steps * inputs));
  for (Index b = 0; b < call.batch; ++b) {
    for (Index t = 0; t < call.steps; ++t) {
      const T* from = call.x + b * call.x_batch + t * call.x_time;
      for (Index i = 0; i < inputs; ++i) copy.push_back(from[i * stride]);
    }
  }
  call.x = copy.data();
  call.x_batch = call.steps * inputs;
  call.x_time = inputs;
}

}  // namespace gatewise
