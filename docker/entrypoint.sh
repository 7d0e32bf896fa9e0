#!/usr/bin/env bash
# Gives the command ROS, our messages, our Python and our launch files.
set -eo pipefail
source /opt/ros/jazzy/setup.bash
eval "$(/opt/ddg/ddg setup --env)"
source /opt/ddg/install/local_setup.bash
exec "$@"
