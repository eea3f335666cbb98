// From a layer, whose cell and activations are known when it is made, to the code compiled for them.
#pragma once

#include "cells/list.h"
#include "kernels/activations.h"
#include "recurrence/driver.h"

namespace gatewise::GATEWISE_ISA {

// What the functions of `Kernels` take: one call, divided, and the member of the team whose share is done.
template <class T>
struct Part {
  const PackedLayer<T>& layer;
  const Sequence<T>& call;
  const Division& division;
  const Workspace<T>& space;
  Team& team;
  Index member;
};

// `OperandsOf<C>` are the operands of the cell C. The usual activations are inlined, the others called.
template <class T, template <class> class OperandsOf>
void run_part(const Part<T>& part) {
  const PackedLayer<T>& layer = part.layer;
  const bool usual = layer.activation == Activation::tanh && layer.recurrent_activation == Activation::sigmoid;
  with_cell(layer.cell, [&](auto cell) {
    using C = decltype(cell);
    using Operands = OperandsOf<C>;
    static constexpr auto kUsual =
        equations_of<T, C, Operands, Fixed<T, Activation::tanh>, Fixed<T, Activation::sigmoid>>();
    static constexpr auto kOthers = equations_of<T, C, Operands, Chosen<T>, Chosen<T>>();
    Driver<T, C, Operands>(layer, part.call, part.division, part.space, part.team, part.member,
                           usual ? kUsual : kOthers)
        .run();
  });
}

}  // namespace gatewise::GATEWISE_ISA
