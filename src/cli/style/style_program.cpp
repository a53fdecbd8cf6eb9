#include "reverie/cli/style_program.h"

#include <string>
#include <vector>

#include "cli/pictures/film_request.h"
#include "cli/style/run_style.h"
#include "cli/style/style_commands.h"
#include "cli/style/style_flags.h"
#include "reverie/cli/network_flags.h"
#include "reverie/cli/picture_flags.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

class StyleTransfer : public Program {
  public:
    StyleTransfer() { pictures_.default_size = "512"; }

    std::string name() const override { return "styletransfer"; }
    std::string description() const override {
        return "Paints pictures in the style of others: their strokes, textures and colours on your content.";
    }
    std::string examples() const override {
        return "examples:\n"
               "  styletransfer photo.jpg --style starry.jpg -o painted.png\n"
               "  styletransfer photo.jpg --style starry.jpg=2 wave.jpg -o out.png --color luma\n"
               "  styletransfer holiday/ --style paintings/*.jpg --each-style -o out/\n"
               "  styletransfer photo.jpg --style starry.jpg -o big.png --size 4000 \\\n"
               "      --checkpoint big.state --resume                 goes on where it stopped\n"
               "  styletransfer holiday/ --model run/ -o out/    by a net that has learnt styles\n"
               "  styletransfer train starry.jpg --data photos/ -o run/ --time 30m\n"
               "      learns a style for good (styletransfer train --help, add --help; a picture\n"
               "      called train or add is given as ./train)\n"
               "  styletransfer b.jpg --style starry.jpg -o b.png --from painted.png\n"
               "  styletransfer clip.mp4 --style starry.jpg -o painted.mp4 --resume\n";
    }

    std::string output_help() const override { return Program::output_help() + film_output_help(); }

    bool may_use_tf32() const override { return true; }

    void add_flags(CLI::App& app) override {
        reverie::add_flags(app, pictures_);
        reverie::add_flags(app, style_);
        reverie::add_flags(app, network_, style_networks());
    }

    std::vector<Followers> followers() const override { return style_followers(); }

    int run(Session& session) override {
        validate(network_);
        validate(pictures_, session.common().overwrite);
        const WeightStore store(store_locations(session.environment()));
        if (list_or_fetch(session, network_, store, style_networks())) {
            return 0;
        }
        if (!style_.model.empty()) {
            pictures_.default_size = "own";
            return run_model(session, style_, pictures_, network_, store);
        }
        const bool paints_film = takes_film(pictures_.inputs, session.common().output);
        validate(style_, paints_film);
        if (pictures_.inputs.empty() && style_.styles.size() > 1) {
            throw Error(ErrorKind::Usage, "no input is given; what follows --style are styles, so name inputs first");
        }
        if (!paints_film) {
            refuse_film_flags(style_.film, /*but_encoding=*/false);
        }
        if (style_.only_color) {
            pictures_.default_size = "own";
            return run_only_color(session, style_, pictures_);
        }
        if (paints_film) {
            return run_style_film(session, style_, pictures_, network_, store);
        }
        return run_style(session, style_, pictures_, network_, store);
    }

  private:
    PictureOptions pictures_;
    StyleFlags style_;
    NetworkOptions network_;
};

}  // namespace

CommandSet style_program() {
    CommandSet set;
    set.name = "styletransfer";
    set.otherwise = std::make_unique<StyleTransfer>();
    set.commands.push_back(style_train_command());
    set.commands.push_back(style_add_command());
    return set;
}

}  // namespace reverie
