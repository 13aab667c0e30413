//go:build race

package acceptance

// raceFlag has the program under test built with the race detector, too.
const raceFlag = "-race"
