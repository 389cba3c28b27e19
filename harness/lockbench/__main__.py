def main() -> None:
    from lockbench_harness.cli import cli

    cli()


if __name__ == "__main__":
    main()
