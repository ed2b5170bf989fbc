#include "cli/data.h"

namespace luthier::cli {

void add_data_commands(CLI::App& app, GlobalOptions& global, DataArguments& arguments, std::function<int()>& chosen) {
  CLI::App* data = app.add_subcommand("data", "Check and prepare training data; needs no controller");
  data->require_subcommand(1);
  add_data_check(*data, global, arguments.check, chosen);
  add_data_count(*data, global, arguments.count, chosen);
  add_data_pack(*data, global, arguments.pack, chosen);
  add_data_prepare(*data, global, arguments.prepare, chosen);
  add_data_render(*data, global, arguments.render, chosen);
  add_data_show(*data, global, arguments.show, chosen);
}

}  // namespace luthier::cli
