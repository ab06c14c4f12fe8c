a=(/usr/bin/*); [ ${#a[@]} -gt 50 ] && echo many
f() { local i; for ((i = 0; i < 500; i++)); do x+=$i; done; }; f; echo ${#x}
trap 'echo caught' USR1; kill -USR1 $$
declare -A m; for i in {1..300}; do m[$i]=$((i * i)); done; echo ${m[17]}
[[ $x =~ 4(.*)5 ]] && echo ${#BASH_REMATCH[1]}
unset x a m; printf -v y '%s-' {1..100}; echo ${#y}
