#include "python/binding_stream.h"

#include <utility>

namespace gatewise::stream {

Arrays::Arrays(const Program& program, const NewFloats& make, nb::list inputs, Index rows, nb::object into)
    : outputs(nb::list()) {
  const auto& wanted = program.inputs();
  if (inputs.size() != wanted.size()) throw std::invalid_argument("a wrong number of inputs came");
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].ids) {
      ids_.push_back(nb::cast<Integers>(inputs[i], false));
      take(ids_.back(), rows * wanted[i].width);
    } else {
      floats_.push_back(nb::cast<Floats>(inputs[i], false));
      take(floats_.back(), rows * wanted[i].width);
    }
  }
  if (!into.is_none()) {
    outputs = nb::cast<nb::list>(into);
    want_size(outputs.size() == program.outputs().size(), "outputs");
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const auto array = nb::cast<Results>(outputs[i], false);
      want_size(static_cast<Index>(array.size()) == rows * program.outputs()[i].width, "an output");
      output_data.push_back(array.data());
    }
    return;
  }
  for (const auto& output : program.outputs()) {
    auto [array, data] = make({rows, output.width});
    outputs.append(array);
    output_data.push_back(data);
  }
}

template <class A>
void Arrays::take(const A& array, Index size) {
  want_size(static_cast<Index>(array.size()) == size, "an input");
  input_data.push_back(array.data());
}

void bind_stream(nb::module_& module) {
  bind_program(module);
  bind_session(module);
  bind_pool(module);
}

}  // namespace gatewise::stream
