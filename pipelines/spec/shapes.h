// Short builders of Shape, for the declaration tables only.
#pragma once

#include "pipelines/spec/declaration.h"

namespace luthier::spec::shapes {

inline Shape of(Kind kind) {
  Shape shape;
  shape.kind = kind;
  return shape;
}
inline Shape number(Kind kind, double least, double greatest) {
  Shape shape = of(kind);
  shape.least = least;
  shape.greatest = greatest;
  return shape;
}
inline Shape text_of(std::vector<std::string> choices) {
  Shape shape = of(Kind::kString);
  shape.choices = std::move(choices);
  return shape;
}
inline Shape artifact_of(std::vector<std::string> kinds) {
  Shape shape = of(Kind::kArtifact);
  shape.choices = std::move(kinds);
  return shape;
}
inline Shape or_null(Shape shape) {
  shape.nullable = true;
  return shape;
}
inline Shape or_auto(Shape shape) {
  shape.automatic = true;
  return shape;
}
inline Shape with_expressions(Shape shape) {
  shape.expressions = true;
  return shape;
}
inline Shape list_of(Shape item, double least, double greatest) {
  Shape shape = number(Kind::kList, least, greatest);
  shape.options.push_back(std::move(item));
  return shape;
}
inline Shape map_of(Shape item, double least, double greatest) {
  Shape shape = number(Kind::kMap, least, greatest);
  shape.options.push_back(std::move(item));
  return shape;
}
inline Shape object(std::vector<Field> fields, std::vector<std::vector<std::string>> exactly_one = {}) {
  Shape shape = of(Kind::kObject);
  shape.fields = std::move(fields);
  shape.exactly_one = std::move(exactly_one);
  return shape;
}
inline Shape one_of(std::vector<Shape> options) {
  Shape shape = of(Kind::kOneOf);
  shape.options = std::move(options);
  return shape;
}

}  // namespace luthier::spec::shapes
