#compdef git-hybrid
#description exact, durable, governed copies of other people's git repositories
# zsh completion of git hybrid, also as "git-hybrid". zsh's completion of git calls _git-hybrid for "git hybrid".
# Use: put this file as _git-hybrid into a folder of $fpath, or
#      eval "$(git hybrid completion zsh)" after compinit in ~/.zshrc.

_git-hybrid () {
	local kind value help
	local -a items
	while IFS=$'\t' read -r kind value help; do
		case $kind in
		file) _files; return ;;
		dir) _files -/; return ;;
		esac
		items+=("${value//:/\\:}${help:+:$help}")
	done < <(command git-hybrid __complete "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)
	[[ $PREFIX == --*=* ]] && compset -P '*='
	_describe -V 'git hybrid' items
}

if [[ $funcstack[1] == _git-hybrid ]]; then
	_git-hybrid "$@"
else
	compdef _git-hybrid git-hybrid
fi
