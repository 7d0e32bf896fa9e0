#!/usr/bin/env bash
# Gives the command ROS, our messages, our Python and our launch files, and drivers where there are some.
set -eo pipefail
source /opt/ros/jazzy/setup.bash
eval "$(/opt/ddg/ddg setup --env)"
source /opt/ddg/install/local_setup.bash
if [ -f /opt/drivers/install/local_setup.bash ]; then
    source /opt/drivers/install/local_setup.bash
fi
exec "$@"
