#include "reverie/cli/gan_program.h"

#include "cli/gan/gan_commands.h"
#include "cli/runs/run_film.h"

namespace reverie {

CommandSet gan_program() {
    CommandSet set;
    set.name = "gan";
    set.description =
        "Learns to make images like those of a folder: two nets, one that makes them and one that tells them from real "
        "ones.";
    set.examples =
        "examples:\n"
        "  gan train faces/ -o run/ --time 30m\n"
        "  gan sample run/ -o samples.png\n"
        "  gan interpolate run/ -o walk.gif --seeds 1-8 --loop\n"
        "  gan film run/ -o training.mp4\n"
        "  gan evaluate run/\n";
    set.commands.push_back(gan_train_command());
    set.commands.push_back(gan_sample_command());
    set.commands.push_back(gan_interpolate_command());
    set.commands.push_back(gan_evaluate_command());
    set.commands.push_back(gan_nearest_command());
    set.commands.push_back(gan_augment_command());
    set.commands.push_back(film_command("gan"));
    set.commands.push_back(gan_info_command());
    return set;
}

}  // namespace reverie
