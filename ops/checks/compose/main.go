// Loads a compose file as docker compose does, every profile included, and prints it as JSON:
// compose ENV_FILE COMPOSE_FILE. What the file does not say right ends it with an error.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "compose:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("it wants an environment file and a compose file")
	}
	// The caller's environment is left out: variables of .env are all there is.
	options, err := cli.NewProjectOptions(
		arguments[1:],
		cli.WithEnvFiles(arguments[0]),
		cli.WithDotEnv,
		cli.WithProfiles([]string{"*"}),
	)
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	text, err := project.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(append(text, '\n'))
	return err
}
